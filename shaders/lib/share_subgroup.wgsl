// Shares a value of one lane with its subgroup of S: nearly free, while a load costs as much as many multiplications.
enable subgroups;

fn share(value: f32) -> array<f32, S> {
  var all: array<f32, S>;
  for (var l = 0u; l < S; l++) {  //!unroll
    all[l] = subgroupBroadcast(value, l);
  }
  return all;
}
