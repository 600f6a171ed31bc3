//! Tiles: which rectangle of the picture each participant on the stage gets.
//!
//! Decides places only, from the wanted layout and the order of participants; the same input always gives
//! the same picture. It does not know a camera's own shape: who draws fits it into its tile.

use wire::mixer::LayoutKind;

/// Width and height of the picture on which tiles are placed, in pixels.
pub const CANVAS: (u32, u32) = (1280, 720);

/// A tile, in pixels from the top left corner. All numbers are even, because a chroma sample of 4:2:0
/// covers two by two pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Places `participants` people, in order. `None`: heard but not seen, because the layout has no more tiles.
///
/// Every tile has the shape of the canvas (16:9), so that a camera of that shape fills it.
#[must_use]
pub fn place(layout: LayoutKind, participants: usize) -> Vec<Option<Rect>> {
    let seen = match layout {
        LayoutKind::Solo => participants.min(1),
        LayoutKind::SideBySide => participants.min(2),
        LayoutKind::Grid => participants.min(MAX_TILES),
    };
    let mut tiles: Vec<_> = tiles(seen).into_iter().map(Some).collect();
    tiles.resize(participants, None);
    tiles
}

/// `count` equal tiles in rows, each row centred; one tile is the whole canvas.
fn tiles(count: usize) -> Vec<Rect> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count <= 1 {
        let whole = Rect { x: 0, y: 0, width: CANVAS.0, height: CANVAS.1 };
        return vec![whole; usize::from(count == 1)];
    }
    let columns = best_columns(count);
    let rows = count.div_ceil(columns);
    let (width, height) = tile_size(columns, rows);
    let top = CANVAS.1.saturating_sub(rows * height + (rows - 1) * GAP) / 2;
    let tile = |index: u32| {
        let (row, column) = (index / columns, index % columns);
        let in_row = columns.min(count - row * columns);
        let left = CANVAS.0.saturating_sub(in_row * width + (in_row - 1) * GAP) / 2;
        let (x, y) = (left + column * (width + GAP), top + row * (height + GAP));
        Rect { x: even(x), y: even(y), width, height }
    };
    (0..count).map(tile).collect()
}

/// The number of columns that makes tiles largest; of equals the fewest rows, since faces are in the middle
/// of a picture that is wider than high.
fn best_columns(count: u32) -> u32 {
    (1..=count)
        .max_by_key(|&columns| {
            let rows = count.div_ceil(columns);
            (tile_size(columns, rows).0, std::cmp::Reverse(rows))
        })
        .unwrap_or(1)
}

/// Largest even 16:9 size of which `columns` × `rows` fit the canvas with gaps between and around.
fn tile_size(columns: u32, rows: u32) -> (u32, u32) {
    let width = CANVAS.0.saturating_sub((columns + 1) * GAP) / columns;
    let height = CANVAS.1.saturating_sub((rows + 1) * GAP) / rows;
    let width = width.min(height * CANVAS.0 / CANVAS.1);
    // 16:9 of whole even pixels: steps of 32 × 18.
    let steps = width / 32;
    (steps * 32, steps * 18)
}

fn even(pixels: u32) -> u32 {
    pixels & !1
}

/// Space between tiles and around them.
const GAP: u32 = 8;

/// 5 × 5 tiles of 224 × 126; below that nobody is recognised.
const MAX_TILES: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Option<Rect> {
        Some(Rect { x, y, width, height })
    }

    #[test]
    fn the_first_of_a_solo_fills_the_picture_and_the_others_are_heard() {
        assert_eq!(place(LayoutKind::Solo, 3), [rect(0, 0, 1280, 720), None, None]);
        assert_eq!(place(LayoutKind::Solo, 0), []);
    }

    #[test]
    fn two_side_by_side_are_equal_and_centred() {
        assert_eq!(
            place(LayoutKind::SideBySide, 3),
            [rect(28, 188, 608, 342), rect(644, 188, 608, 342), None]
        );
        assert_eq!(place(LayoutKind::SideBySide, 1), [rect(0, 0, 1280, 720)]);
    }

    #[test]
    fn three_in_a_grid_stand_two_above_one() {
        let tiles: Vec<_> = place(LayoutKind::Grid, 3).into_iter().flatten().collect();
        assert_eq!(tiles[0].y, tiles[1].y);
        assert!(tiles[2].y > tiles[0].y);
        assert_eq!(tiles[2].x + tiles[2].width / 2, CANVAS.0 / 2, "the lower one is in the middle");
    }

    #[test]
    fn tiles_of_every_grid_are_inside_apart_even_and_of_the_canvas_shape() {
        for count in 2..=MAX_TILES {
            let tiles: Vec<_> = place(LayoutKind::Grid, count).into_iter().flatten().collect();
            assert_eq!(tiles.len(), count);
            for (index, tile) in tiles.iter().enumerate() {
                assert!(tile.x + tile.width <= CANVAS.0 && tile.y + tile.height <= CANVAS.1, "{tile:?}");
                assert_eq!(tile.width * CANVAS.1, tile.height * CANVAS.0, "{tile:?}");
                assert_eq!((tile.x | tile.y | tile.width | tile.height) & 1, 0, "{tile:?}");
                assert!(tile.width >= 224, "{count}: {tile:?}");
                for other in &tiles[..index] {
                    let apart = other.x + other.width <= tile.x
                        || tile.x + tile.width <= other.x
                        || other.y + other.height <= tile.y
                        || tile.y + tile.height <= other.y;
                    assert!(apart, "{count}: {other:?} and {tile:?}");
                }
            }
        }
    }

    #[test]
    fn more_people_than_tiles_are_heard() {
        let places = place(LayoutKind::Grid, 30);
        assert_eq!(places.iter().flatten().count(), MAX_TILES);
        assert_eq!(places.len(), 30);
    }
}
