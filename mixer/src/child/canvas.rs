//! Pictures in I420 and how they are laid over a frame. Pure bytes; it knows no text and no GStreamer.

/// A colour as video carries it: luma and chroma of BT.709, limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    y: u8,
    u: u8,
    v: u8,
}

impl Colour {
    /// From sRGB (ITU-R BT.709 §3, 8 bits, in integers).
    pub(crate) fn rgb(red: u8, green: u8, blue: u8) -> Self {
        let [r, g, b] = [red, green, blue].map(i32::from);
        let part = |offset: i32, weights: [i32; 3]| {
            let sum = weights[0] * r + weights[1] * g + weights[2] * b;
            u8::try_from((offset + (sum + 500) / 1000).clamp(0, 255)).unwrap_or(u8::MAX)
        };
        // (0.2126, 0.7152, 0.0722) × 219/255, and the two differences × 224/255, in thousandths.
        Self { y: part(16, [183, 614, 62]), u: part(128, [-101, -338, 439]), v: part(128, [439, -399, -40]) }
    }
}

/// How much of each pixel is covered, 0 to 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask {
    /// Pixels.
    pub(crate) width: usize,
    /// Pixels.
    pub(crate) height: usize,
    /// Row by row.
    pub(crate) coverage: Vec<u8>,
}

impl Mask {
    /// A rectangle with round, smooth corners.
    pub(crate) fn rounded(width: usize, height: usize, radius: usize) -> Self {
        let radius = radius.min(width / 2).min(height / 2);
        // Twice the distance from a pixel's middle to the straight part of its edge.
        let inset = |at: usize, size: usize| {
            (2 * radius).saturating_sub(2 * at + 1).max((2 * (at + radius) + 1).saturating_sub(2 * size))
        };
        let mut coverage = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let (dx, dy) = (inset(column, width), inset(row, height));
                // In 256ths of a pixel; the edge fades over one pixel around the radius.
                let distance = ((dx * dx + dy * dy) * 128 * 128).isqrt();
                let inside = if distance == 0 { 255 } else { (radius * 256 + 128).saturating_sub(distance) };
                coverage.push(u8::try_from(inside.min(255)).unwrap_or(u8::MAX));
            }
        }
        Self { width, height, coverage }
    }
}

/// A picture in I420 with coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    /// One per pixel; empty when the picture is opaque.
    coverage: Vec<u8>,
}

impl Picture {
    /// One colour. Odd sizes are rounded up to even ones, as the chroma planes need.
    pub(crate) fn filled(width: usize, height: usize, colour: Colour) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        let quarter = width * height / 4;
        Self {
            width,
            height,
            y: vec![colour.y; width * height],
            u: vec![colour.u; quarter],
            v: vec![colour.v; quarter],
            coverage: Vec::new(),
        }
    }

    /// Pixels.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Pixels.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// Makes it as transparent as the mask says; the mask has its size.
    pub(crate) fn set_coverage(&mut self, mask: &Mask, strength: u8) {
        let scaled = |&coverage: &u8| blend(0, strength, coverage);
        self.coverage = mask.coverage.iter().map(scaled).collect();
        self.coverage.resize(self.width * self.height, 0);
    }

    /// Paints the mask in one colour at `(x, y)`; what lies outside is cut off. Painted pixels become opaque.
    pub(crate) fn paint(&mut self, mask: &Mask, (x, y): (usize, usize), colour: Colour) {
        let columns = mask.width.min(self.width.saturating_sub(x));
        for row in 0..mask.height.min(self.height.saturating_sub(y)) {
            for column in 0..columns {
                let part = mask.coverage[row * mask.width + column];
                let (px, py) = (x + column, y + row);
                let luma = py * self.width + px;
                self.y[luma] = blend(self.y[luma], colour.y, part);
                if let Some(coverage) = self.coverage.get_mut(luma) {
                    *coverage = blend(*coverage, 255, part);
                }
                if px % 2 == 0 && py % 2 == 0 {
                    let chroma = py / 2 * (self.width / 2) + px / 2;
                    self.u[chroma] = blend(self.u[chroma], colour.u, part);
                    self.v[chroma] = blend(self.v[chroma], colour.v, part);
                }
            }
        }
    }
}

/// One plane of a frame that is drawn on.
#[derive(Debug)]
pub(crate) struct Plane<'a> {
    /// Rows of `stride` bytes.
    pub(crate) bytes: &'a mut [u8],
    /// Bytes from row to row.
    pub(crate) stride: usize,
    /// Pixels of this plane.
    pub(crate) width: usize,
    /// Pixels of this plane.
    pub(crate) height: usize,
}

/// Lays one plane of `picture` over the same plane of a frame; `plane` is 0 for luma, 1 and 2 for chroma,
/// and `(x, y)` is in luma pixels. What lies outside is cut off.
pub(crate) fn draw(target: &mut Plane<'_>, picture: &Picture, plane: usize, (x, y): (usize, usize)) {
    let (bytes, half) = match plane {
        0 => (&picture.y, 1),
        1 => (&picture.u, 2),
        _second_chroma => (&picture.v, 2),
    };
    let (x, y, width, height) = (x / half, y / half, picture.width / half, picture.height / half);
    let columns = width.min(target.width.saturating_sub(x));
    for row in 0..height.min(target.height.saturating_sub(y)) {
        let from = &bytes[row * width..][..columns];
        let Some(onto) =
            target.bytes.get_mut((y + row) * target.stride + x..).and_then(|to| to.get_mut(..columns))
        else {
            return;
        };
        if picture.coverage.is_empty() {
            onto.copy_from_slice(from);
            continue;
        }
        let coverage = &picture.coverage[row * half * picture.width..];
        for (column, (to, &from)) in onto.iter_mut().zip(from).enumerate() {
            *to = blend(*to, from, coverage[column * half]);
        }
    }
}

fn blend(under: u8, over: u8, part: u8) -> u8 {
    let (under, over, part) = (u32::from(under), u32::from(over), u32::from(part));
    u8::try_from((under * (255 - part) + over * part + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Colour = Colour { y: 235, u: 128, v: 128 };

    #[test]
    fn primary_colours_have_their_limited_range_values() {
        assert_eq!(Colour::rgb(255, 255, 255), WHITE);
        assert_eq!(Colour::rgb(0, 0, 0), Colour { y: 16, u: 128, v: 128 });
        let blue = Colour::rgb(0, 0, 255);
        assert_eq!((blue.y, blue.u), (32, 240));
    }

    #[test]
    fn a_picture_over_the_edge_is_cut_off() {
        let mut bytes = vec![0; 4 * 10];
        let mut plane = Plane { bytes: &mut bytes, stride: 10, width: 8, height: 4 };
        draw(&mut plane, &Picture::filled(4, 4, WHITE), 0, (6, 2));
        let painted: Vec<usize> = (0..40).filter(|&at| bytes[at] == 235).collect();
        assert_eq!(painted, [26, 27, 36, 37]);
    }

    #[test]
    fn what_is_not_covered_lets_the_frame_through() {
        let mut picture = Picture::filled(4, 2, WHITE);
        picture
            .set_coverage(&Mask { width: 4, height: 2, coverage: vec![255, 0, 255, 0, 255, 0, 255, 0] }, 255);
        let mut bytes = vec![16; 8];
        draw(&mut Plane { bytes: &mut bytes, stride: 4, width: 4, height: 2 }, &picture, 0, (0, 0));
        assert_eq!(bytes, [235, 16, 235, 16, 235, 16, 235, 16]);
    }

    #[test]
    fn text_on_a_translucent_plate_is_opaque() {
        let mut picture = Picture::filled(2, 2, Colour::rgb(0, 0, 0));
        picture.set_coverage(&Mask::rounded(2, 2, 0), 128);
        picture.paint(&Mask { width: 1, height: 1, coverage: vec![255] }, (1, 1), WHITE);
        assert_eq!(picture.coverage, [128, 128, 128, 255]);
    }

    #[test]
    fn round_corners_are_empty_and_smooth_and_edges_are_full() {
        let mask = Mask::rounded(20, 10, 5);
        assert_eq!((mask.coverage[0], mask.coverage[10], mask.coverage[5 * 20 + 1]), (0, 255, 255));
        assert!(mask.coverage.iter().any(|coverage| (1..255).contains(coverage)));
        assert!(Mask::rounded(4, 4, 0).coverage.iter().all(|&coverage| coverage == 255));
    }
}
