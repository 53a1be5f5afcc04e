// The end of an axis.

/** Round up to a quarter of a power of ten: an axis that changes in steps stays readable. */
export function axisEnd(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
  return Number((Math.ceil((value / unit) * 4 - 1e-9) * (unit / 4)).toPrecision(6));
}
