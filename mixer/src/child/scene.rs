//! ⑥ What lies where on the picture, and who is heard: from the wanted scene and the sources that are there.
//! Pure; nothing is drawn or moved here.
//!
//! Pictures of text lie above all video, so a tile's plate also covers a tile that overlaps it; the layouts
//! that exist do not overlap.

use wire::link::{TrackHandle, TrackSource, Watched};

use crate::child_protocol::{Rect, Scene, Tile};

/// A track as the composition sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The track.
    pub(crate) track: TrackHandle,
    /// Who publishes it.
    pub(crate) identity: String,
    /// What it shows or sounds.
    pub(crate) kind: TrackSource,
    /// Video: not muted, and a frame was decoded lately. Sound: not muted.
    pub(crate) fresh: bool,
}

/// Where things go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Composition {
    /// Videos that are shown; all others are hidden.
    pub(crate) videos: Vec<Placement>,
    /// Tracks that are heard; all others are muted.
    pub(crate) sounds: Vec<TrackHandle>,
    /// Drawn above the videos, in order.
    pub(crate) overlays: Vec<Overlay>,
}

/// One video on the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The track.
    pub(crate) track: TrackHandle,
    /// The picture is fitted into it.
    pub(crate) rect: Rect,
    /// Higher lies above lower.
    pub(crate) z: u32,
}

/// A picture of text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Overlay {
    /// The whole canvas, while nobody is on the stage.
    Holding {
        /// Its text.
        title: String,
    },
    /// A tile without a picture.
    Avatar {
        /// Whose.
        name: String,
        /// Left, top, width and height.
        rect: (u32, u32, u32, u32),
    },
    /// A name at the lower left of a tile.
    NamePlate {
        /// Whose.
        name: String,
        /// Left, top, width and height of the tile.
        rect: (u32, u32, u32, u32),
    },
}

/// Arranges the scene with what is there.
pub(crate) fn compose(scene: &Scene, sources: &[Source]) -> Composition {
    let mut composition = Composition::default();
    if scene.tiles.is_empty() {
        composition.overlays.push(Overlay::Holding { title: scene.title.clone() });
    }
    for tile in &scene.tiles {
        composition.sounds.extend(sounds_of(tile, sources));
        let Some(rect) = tile.rect else { continue };
        let place = (rect.x, rect.y, rect.width, rect.height);
        match video_of(tile, sources) {
            Some(track) => composition.videos.push(Placement { track, rect, z: tile.z }),
            None => composition.overlays.push(Overlay::Avatar { name: tile.name.clone(), rect: place }),
        }
        if !tile.name.trim().is_empty() {
            composition.overlays.push(Overlay::NamePlate { name: tile.name.clone(), rect: place });
        }
    }
    composition
}

/// What to ask the SFU for.
pub(crate) fn wishes(scene: &Scene) -> Vec<Watched> {
    let wish = |tile: &Tile| Watched {
        identity: tile.identity.clone(),
        tile: tile.rect.map(|rect| (rect.width, rect.height)),
    };
    scene.tiles.iter().map(wish).collect()
}

fn sounds_of<'a>(tile: &'a Tile, sources: &'a [Source]) -> impl Iterator<Item = TrackHandle> + 'a {
    let heard = |source: &&Source| {
        source.identity == tile.identity && source.fresh && video_rank(source.kind).is_none()
    };
    sources.iter().filter(heard).map(|source| source.track)
}

/// The screen before the camera, and the newest of each: after a codec switch the old track stays until the
/// new one has a picture.
fn video_of(tile: &Tile, sources: &[Source]) -> Option<TrackHandle> {
    let seen = |source: &&Source| source.identity == tile.identity && source.fresh;
    let rank = |source: &Source| video_rank(source.kind).map(|rank| (rank, source.track));
    sources.iter().filter(seen).filter_map(rank).max().map(|(_, track)| track)
}

fn video_rank(kind: TrackSource) -> Option<u8> {
    match kind {
        TrackSource::Camera => Some(0),
        TrackSource::ScreenShare => Some(1),
        TrackSource::Microphone | TrackSource::ScreenShareAudio => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect { x: 0, y: 0, width: 640, height: 360 };

    fn scene(identities: &[&str]) -> Scene {
        let tile = |identity: &&str| Tile {
            identity: (*identity).into(),
            name: identity.to_uppercase(),
            rect: Some(RECT),
            z: 1,
        };
        Scene { tiles: identities.iter().map(tile).collect(), title: "Soon".into() }
    }

    fn source(track: u16, identity: &str, kind: TrackSource, fresh: bool) -> Source {
        Source { track: TrackHandle(track), identity: identity.into(), kind, fresh }
    }

    fn shown(composition: &Composition) -> Vec<u16> {
        composition.videos.iter().map(|video| video.track.0).collect()
    }

    #[test]
    fn an_empty_stage_shows_the_holding_picture() {
        let composition = compose(&scene(&[]), &[source(1, "ada", TrackSource::Camera, true)]);
        assert_eq!(composition.overlays, [Overlay::Holding { title: "Soon".into() }]);
        assert!(composition.videos.is_empty());
    }

    #[test]
    fn a_frozen_camera_gives_way_to_the_avatar() {
        let composition = compose(&scene(&["ada"]), &[source(1, "ada", TrackSource::Camera, false)]);
        assert!(matches!(composition.overlays[0], Overlay::Avatar { .. }));
        assert!(matches!(composition.overlays[1], Overlay::NamePlate { .. }));
        assert!(composition.videos.is_empty());
    }

    #[test]
    fn the_screen_is_shown_instead_of_the_camera() {
        let sources =
            [source(2, "ada", TrackSource::ScreenShare, true), source(3, "ada", TrackSource::Camera, true)];
        assert_eq!(shown(&compose(&scene(&["ada"]), &sources)), [2]);
    }

    #[test]
    fn the_old_camera_stays_until_the_new_one_has_a_picture() {
        let mut sources =
            [source(2, "ada", TrackSource::Camera, true), source(3, "ada", TrackSource::Camera, false)];
        assert_eq!(shown(&compose(&scene(&["ada"]), &sources)), [2]);
        sources[1].fresh = true;
        assert_eq!(shown(&compose(&scene(&["ada"]), &sources)), [3]);
    }

    #[test]
    fn only_who_is_on_the_stage_is_heard() {
        let sources = [
            source(1, "ada", TrackSource::Microphone, true),
            source(2, "eve", TrackSource::Microphone, true),
            source(3, "ada", TrackSource::Camera, true),
        ];
        assert_eq!(compose(&scene(&["ada"]), &sources).sounds, [TrackHandle(1)]);
    }

    #[test]
    fn somebody_without_a_rectangle_is_heard_but_not_seen() {
        let mut scene = scene(&["ada"]);
        scene.tiles[0].rect = None;
        let sources =
            [source(1, "ada", TrackSource::Microphone, true), source(2, "ada", TrackSource::Camera, true)];
        let composition = compose(&scene, &sources);
        assert_eq!((composition.sounds.len(), composition.videos.len()), (1, 0));
        assert!(composition.overlays.is_empty());
        assert_eq!(wishes(&scene)[0].tile, None);
    }
}
