//! Text tracks: checked, normalised, stored, and listed beside the asset.

use bucket::Kind as MediaType;
use bytes::Bytes;
use hls::vtt::WebVtt;
use ids::{AssetId, TextTrackId};

use super::{Registry, held};
use crate::asset::{TextTrack, asset_prefix};
use crate::db as rows;
use crate::error::MediaError;
use crate::outbox::{self, Kind};

/// Media type of WebVTT.
pub(crate) const VTT: MediaType = MediaType::of("text/vtt; charset=utf-8");

/// Longest caption file: a day of speech is about 2 MiB.
pub(crate) const MAX_VTT_BYTES: usize = 4 << 20;

impl Registry {
    /// Adds captions to an asset.
    ///
    /// # Errors
    /// [`MediaError::NotWebVtt`] with the line, [`MediaError::NameTaken`], or when language or name are
    /// malformed.
    pub async fn add_text_track(
        &self,
        asset_id: &AssetId,
        (language, name): (&str, &str),
        is_default: bool,
        file: &[u8],
    ) -> Result<TextTrack, MediaError> {
        check_names(language, name)?;
        let text = std::str::from_utf8(file)
            .map_err(|_| MediaError::Invalid("the caption file is not UTF-8".to_owned()))?;
        let captions = WebVtt::parse(text)?;
        self.asset(asset_id).await?;
        let id = TextTrackId::random();
        let key = format!("{}/text/{id}.vtt", asset_prefix(asset_id));
        self.bucket.put(&key, Bytes::from(captions.render()), VTT).await?;
        let track = TextTrack {
            id,
            asset_id: asset_id.clone(),
            language: language.to_owned(),
            name: name.to_owned(),
            is_default,
            key,
        };
        if let Err(error) = self.write_track(&track).await {
            // What stays would be removed with the asset.
            let _ = self.bucket.delete(&track.key).await;
            return Err(error);
        }
        Ok(track)
    }

    async fn write_track(&self, track: &TextTrack) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        let asset = held(&self.db, &mut tx, &track.asset_id).await?;
        match rows::insert_text_track(&self.db, &mut tx, track).await {
            Err(rows::DbError::Database(error)) if db::is_unique_violation(&error) => {
                return Err(MediaError::NameTaken);
            }
            done => done?,
        }
        let extra = serde_json::json!({ "text_track": track.id, "language": track.language });
        outbox::append(&mut tx, Kind::Updated, &asset, extra).await?;
        self.commit(tx).await
    }

    /// Captions of an asset.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn text_tracks(&self, asset_id: &AssetId) -> Result<Vec<TextTrack>, MediaError> {
        Ok(rows::text_tracks(&self.db, asset_id).await?)
    }

    /// The cues of a text track.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when the asset has no such track.
    pub async fn captions(&self, asset_id: &AssetId, id: &TextTrackId) -> Result<WebVtt, MediaError> {
        let track = rows::text_track(&self.db, asset_id, id).await?;
        let track = track.ok_or(MediaError::NotFound("text track"))?;
        let bytes = self.bucket.get(&track.key, 2 * MAX_VTT_BYTES as u64).await?;
        Ok(WebVtt::parse(&String::from_utf8_lossy(&bytes))?)
    }

    /// Removes captions.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when the asset has no such track.
    pub async fn remove_text_track(&self, asset_id: &AssetId, id: &TextTrackId) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        let asset = held(&self.db, &mut tx, asset_id).await?;
        let key = rows::delete_text_track(&mut tx, asset_id, id).await?;
        let key = key.ok_or(MediaError::NotFound("text track"))?;
        let extra = serde_json::json!({ "text_track": id, "removed": true });
        outbox::append(&mut tx, Kind::Updated, &asset, extra).await?;
        self.commit(tx).await?;
        if let Err(error) = self.bucket.delete(&key).await {
            tracing::warn!(%error, "the file of a removed text track stays until its asset goes");
        }
        Ok(())
    }
}

fn check_names(language: &str, name: &str) -> Result<(), MediaError> {
    // The shape of BCP 47 (RFC 5646 §2.1) without its registry.
    let plain = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric());
    if language.len() > 35 || !language.split('-').all(plain) {
        return Err(MediaError::Invalid("`language` is not a BCP 47 tag such as `en` or `pt-BR`".to_owned()));
    }
    if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return Err(MediaError::Invalid("`name` has 1 to 128 bytes and no control character".to_owned()));
    }
    Ok(())
}
