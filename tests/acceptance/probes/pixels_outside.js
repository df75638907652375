// How many pixels of a PNG (base64) are not quite transparent outside a box; the browser itself decodes it.
async ({ png, box }) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  context.clearRect(box.x, box.y, box.width, box.height);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let painted = 0;
  for (let i = 3; i < data.length; i += 4) painted += data[i] > 2;
  return painted;
}
