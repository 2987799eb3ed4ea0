//! A PNG of black and white squares, as small as the format allows: one bit a pixel, stored without compression.
//!
//! IAM hands out the QR code of an MFA device as a PNG; this is all of the format that a QR code needs, without one more crate.

/// Pixels a square.
const SCALE: usize = 6;
/// Squares of white around it, as scanners want.
const QUIET: usize = 4;

/// A picture of `width` × `width` squares, row by row.
pub(super) fn squares(dark: &[bool], width: usize) -> Vec<u8> {
    let side = (width + 2 * QUIET) * SCALE;
    let mut rows = Vec::with_capacity(side * (side / 8 + 2));
    for y in 0..side {
        // The filter of the row: none.
        rows.push(0);
        let mut row = vec![0_u8; side.div_ceil(8)];
        for x in 0..side {
            let place = |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|square| *square < width);
            let black = place(x).zip(place(y)).is_some_and(|(x, y)| dark.get(y * width + x).copied().unwrap_or(false));
            if !black {
                row[x / 8] |= 0x80 >> (x % 8);
            }
        }
        rows.extend(row);
    }
    let edge = u32::try_from(side).unwrap_or(u32::MAX).to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &[edge.as_slice(), &edge, &[1, 0, 0, 0, 0]].concat());
    chunk(&mut png, *b"IDAT", &zlib(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

/// Stored blocks of deflate in a zlib envelope.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    out.extend((high << 16 | low).to_be_bytes());
    out
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let body = [kind.as_slice(), data].concat();
    let mut crc = u32::MAX;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png.extend(body);
    png.extend((!crc).to_be_bytes());
}
