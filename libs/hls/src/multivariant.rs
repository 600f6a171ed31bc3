//! Multivariant playlists: which renditions there are.
//!
//! Writes `EXT-X-MEDIA` and `EXT-X-STREAM-INF` (bis §4.4.6) from plain lists; does not measure a bandwidth
//! or read a codec.

use std::fmt::{self, Write as _};

use crate::playlist::VERSION;

/// A picture without sound.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoRendition {
    /// Its media playlist, relative to the multivariant playlist.
    pub uri: String,
    /// RFC 6381, of the picture only.
    pub codecs: String,
    /// Peak over one segment, of the picture only.
    pub bandwidth_bps: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: f64,
}

/// The sound that goes with every picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRendition {
    /// Its media playlist, relative to the multivariant playlist.
    pub uri: String,
    /// RFC 6381.
    pub codecs: String,
    /// Peak over one segment.
    pub bandwidth_bps: u64,
    /// Channels.
    pub channels: u32,
}

/// Captions in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// Its media playlist, relative to the multivariant playlist.
    pub uri: String,
    /// For people, in the player's menu; unique in the playlist. Quotes and line breaks are dropped.
    pub name: String,
    /// BCP 47.
    pub language: String,
    /// Chosen when the viewer chooses nothing.
    pub default: bool,
}

/// A multivariant playlist (bis §4.4.6).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MultivariantPlaylist {
    /// Best first: many players start with the first.
    pub video: Vec<VideoRendition>,
    /// `None`: silent.
    pub audio: Option<AudioRendition>,
    /// All go with every picture.
    pub subtitles: Vec<SubtitleRendition>,
}

/// The playlist's text. With sound and no picture it has one audio-only variant.
impl fmt::Display for MultivariantPlaylist {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(text, "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS")?;
        if let Some(audio) = &self.audio {
            writeln!(
                text,
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"Stage\",DEFAULT=YES,\
                 AUTOSELECT=YES,CHANNELS=\"{}\",URI=\"{}\"",
                audio.channels, audio.uri
            )?;
        }
        for track in &self.subtitles {
            let default = if track.default { "YES" } else { "NO" };
            writeln!(
                text,
                "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{SUBTITLE_GROUP}\",NAME=\"{}\",LANGUAGE=\"{}\",\
                 DEFAULT={default},AUTOSELECT=YES,FORCED=NO,URI=\"{}\"",
                quotable(&track.name),
                quotable(&track.language),
                track.uri
            )?;
        }
        for video in &self.video {
            self.write_variant(text, video)?;
        }
        if self.video.is_empty() {
            self.write_audio_only(text)?;
        }
        Ok(())
    }
}

impl MultivariantPlaylist {
    fn write_variant(&self, text: &mut fmt::Formatter<'_>, video: &VideoRendition) -> fmt::Result {
        let mut codecs = video.codecs.clone();
        let mut bandwidth_bps = video.bandwidth_bps;
        if let Some(audio) = &self.audio {
            bandwidth_bps += audio.bandwidth_bps;
            if !audio.codecs.is_empty() {
                write!(codecs, ",{}", audio.codecs)?;
            }
        }
        write!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth_bps},CODECS=\"{codecs}\",RESOLUTION={}x{},\
             FRAME-RATE={:.3}",
            video.width, video.height, video.frame_rate
        )?;
        if self.audio.is_some() {
            write!(text, ",AUDIO=\"{AUDIO_GROUP}\"")?;
        }
        if !self.subtitles.is_empty() {
            write!(text, ",SUBTITLES=\"{SUBTITLE_GROUP}\"")?;
        }
        // No 608/708 captions are inside the picture; saying so keeps players from offering them.
        writeln!(text, ",CLOSED-CAPTIONS=NONE\n{}", video.uri)
    }

    fn write_audio_only(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(audio) = &self.audio else { return Ok(()) };
        write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={},CODECS=\"{}\"", audio.bandwidth_bps, audio.codecs)?;
        write!(text, ",AUDIO=\"{AUDIO_GROUP}\"")?;
        if !self.subtitles.is_empty() {
            write!(text, ",SUBTITLES=\"{SUBTITLE_GROUP}\"")?;
        }
        writeln!(text, "\n{}", audio.uri)
    }
}

/// A quoted string holds no quote and no line break (bis §4.2).
fn quotable(text: &str) -> String {
    text.chars().filter(|c| *c != '"' && !c.is_control()).collect()
}

const AUDIO_GROUP: &str = "audio";
const SUBTITLE_GROUP: &str = "subtitles";

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> MultivariantPlaylist {
        MultivariantPlaylist {
            video: vec![VideoRendition {
                uri: "v720.m3u8".into(),
                codecs: "avc1.42c01f".into(),
                bandwidth_bps: 2_200_000,
                width: 1280,
                height: 720,
                frame_rate: 30.0,
            }],
            audio: Some(AudioRendition {
                uri: "audio.m3u8".into(),
                codecs: "mp4a.40.2".into(),
                bandwidth_bps: 130_000,
                channels: 2,
            }),
            subtitles: vec![SubtitleRendition {
                uri: "text/en.m3u8".into(),
                name: "Eng\"lish\n".into(),
                language: "en".into(),
                default: true,
            }],
        }
    }

    #[test]
    fn a_variant_counts_its_sound_and_names_its_groups() {
        let text = ladder().to_string();
        assert!(text.contains(
            "#EXT-X-STREAM-INF:BANDWIDTH=2330000,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,\
             FRAME-RATE=30.000,AUDIO=\"audio\",SUBTITLES=\"subtitles\",CLOSED-CAPTIONS=NONE\nv720.m3u8\n"
        ));
        assert!(text.contains("NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO"));
    }

    #[test]
    fn a_parser_of_others_reads_the_same() {
        let text = ladder().to_string();
        let m3u8_rs::Playlist::MasterPlaylist(read) = m3u8_rs::parse_playlist_res(text.as_bytes()).unwrap()
        else {
            panic!("not read as a multivariant playlist");
        };
        assert_eq!(read.variants.len(), 1);
        assert_eq!(read.variants[0].audio.as_deref(), Some("audio"));
        assert_eq!(read.alternatives.len(), 2);
    }

    #[test]
    fn sound_alone_is_one_variant() {
        let text = MultivariantPlaylist { video: Vec::new(), ..ladder() }.to_string();
        assert!(text.contains("#EXT-X-STREAM-INF:BANDWIDTH=130000,CODECS=\"mp4a.40.2\""));
        assert!(text.ends_with("\naudio.m3u8\n"));
    }
}
