// A window of TY x TX taps over a tile of PY x PX pixels, and the patch of x under it, which a team of S lanes loads.
const TY: u32 = 3u;          //!spec   taps: rows and
const TX: u32 = 3u;          //!spec   columns; likewise below
const STEP_Y: u32 = 1u;      //!spec   pixels of x from one pixel of the tile to the next
const STEP_X: u32 = 1u;      //!spec
const SPREAD_Y: u32 = 1u;    //!spec   pixels of x from one tap to the next
const SPREAD_X: u32 = 1u;    //!spec
// A single tap needs only every STEP-th pixel; more taps need all pixels between the first and the last.
const GAP_Y: u32 = select(1u, STEP_Y, TY == 1u);
const GAP_X: u32 = select(1u, STEP_X, TX == 1u);
const ROWS: u32 = ((PY - 1u) * STEP_Y + (TY - 1u) * SPREAD_Y) / GAP_Y + 1u;
const COLUMNS: u32 = ((PX - 1u) * STEP_X + (TX - 1u) * SPREAD_X) / GAP_X + 1u;
const LOADS: u32 = (ROWS * COLUMNS + S - 1u) / S;
