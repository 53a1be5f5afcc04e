// What `using` becomes in the packages: the compiler calls u() for each value and d() at the end of the block. Shorter than the
// compiler's own, which also knows `await using`.

export default function usingContext() {
  const none = {};
  const values = [];
  return {
    /** Error of the block, set by its catch. */
    e: none,
    u(value) {
      if (value != null) values.push(value);
      return value;
    },
    d() {
      let error = this.e;
      while (values.length > 0) {
        try {
          // Without Symbol.dispose the classes have this method under the same missing name.
          values.pop()[Symbol.dispose]();
        } catch (next) {
          error = error === none ? next : Object.assign(new Error(next.message), { error: next, suppressed: error });
        }
      }
      if (error !== none) throw error;
    },
  };
}
