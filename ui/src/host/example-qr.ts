// A picture for tests and design where the product shows a QR code.

/** Looks like a QR code; reads as nothing. */
export function exampleQr(): string {
  const size = 29;
  const finder = (x: number, y: number): boolean => {
    for (const [left, top] of [[0, 0], [size - 7, 0], [0, size - 7]] as const) {
      const [dx, dy] = [x - left, y - top];
      if (dx < -1 || dy < -1 || dx > 7 || dy > 7) continue;
      const edge = Math.max(Math.abs(dx - 3), Math.abs(dy - 3));
      return edge === 3 || edge <= 1;
    }
    return ((x * 7 + y * 13 + x * y * 3 + (x ^ y) * 5) % 11) % 2 === 0;
  };
  let path = '';
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (finder(x, y)) path += `M${x} ${y}h1v1h-1z`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 ${size + 4} ${size + 4}" shape-rendering="crispEdges"><path fill="#fff" d="M-2-2h${size + 4}v${size + 4}H-2z"/><path d="${path}"/></svg>`;
}
