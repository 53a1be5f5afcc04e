// Pictures of a digit from a camera or a file, as ink for the drawing pad. Nothing leaves the page. Loaded when first used.
import { t } from "../texts/text.ts";
import { make } from "./dom.ts";

/** Ink below this share of the contrast is paper: shadows, grain. */
const PAPER = 0.35;

/** Turn grey values of a square into bright ink on black: ink is whatever differs from the border. Returns a new array. */
export function inkOf(grey: Uint8Array, side: number): Uint8Array {
  const border: number[] = [];
  grey.forEach((value, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    if (x === 0 || y === 0 || x === side - 1 || y === side - 1) border.push(value);
  });
  const paper = border.sort((a, b) => a - b)[border.length >> 1] ?? 0;
  const most = grey.reduce((max, value) => Math.max(max, Math.abs(value - paper)), 1);
  return grey.map((value) => {
    const share = Math.abs(value - paper) / most;
    return share < PAPER ? 0 : Math.round((255 * (share - PAPER)) / (1 - PAPER));
  });
}

/** Draw the middle square of a picture and return its ink, `side` pixels wide. */
function inkOfPicture(picture: CanvasImageSource, width: number, height: number, side: number): Uint8Array {
  const canvas = make("canvas");
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return new Uint8Array(side * side);
  const square = Math.min(width, height);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.drawImage(picture, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  const grey = Uint8Array.from({ length: side * side }, (_, i) =>
    Math.round(0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!),
  );
  return inkOf(grey, side);
}

/** Read a picture file as ink. Rejects if the browser cannot read it. */
export async function inkOfFile(file: Blob, side: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  try {
    return inkOfPicture(bitmap, bitmap.width, bitmap.height, side);
  } finally {
    bitmap.close();
  }
}

/** Show the camera in a dialog until the visitor takes a picture; null if the dialog is closed. Rejects without a camera. */
export async function inkOfCamera(side: number): Promise<Uint8Array | null> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  const video = make("video", "camera-view");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  const take = make("button", "", t("camera.take"));
  const close = make("button", "", t("camera.close"));
  const dialog = make("dialog", "camera", make("p", "", t("camera.note")), video, make("div", "row", take, close));
  dialog.setAttribute("aria-label", t("camera.title"));
  document.body.append(dialog);
  dialog.showModal();
  try {
    await video.play();
    return await new Promise((resolve) => {
      take.addEventListener("click", () => resolve(inkOfPicture(video, video.videoWidth, video.videoHeight, side)));
      close.addEventListener("click", () => resolve(null));
      dialog.addEventListener("close", () => resolve(null));
    });
  } finally {
    for (const track of stream.getTracks()) track.stop();
    dialog.remove();
  }
}
