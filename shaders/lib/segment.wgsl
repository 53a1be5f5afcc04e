// A row of an arena's segment table: 1024 elements that belong to one layer, of which `count` are not padding.
struct Segment { layer: u32, count: u32 }
