/** The bar under the picture. */
import type { HlsVideoElement } from "hls-video-element";
import {
  MediaCaptionsButton,
  MediaControlBar,
  MediaFullscreenButton,
  MediaLiveButton,
  MediaMuteButton,
  MediaPipButton,
  MediaPlayButton,
  MediaPreviewThumbnail,
  MediaPreviewTimeDisplay,
  MediaSeekBackwardButton,
  MediaTimeDisplay,
  MediaTimeRange,
  MediaVolumeRange,
} from "media-chrome/react";
import {
  MediaCaptionsMenu,
  MediaPlaybackRateMenu,
  MediaRenditionMenu,
  MediaSettingsMenu,
  MediaSettingsMenuButton,
  MediaSettingsMenuItem,
} from "media-chrome/react/menu";
import { useTranslation } from "react-i18next";
import { Behind } from "./behind";

/** media-chrome says "button" and `aria-checked` at once, which only a switch may. */
function asSwitch(element: HTMLElement | null): void {
  element?.setAttribute("role", "switch");
}

export function Controls({ element, live, monitor }: { element: HlsVideoElement | null; live: boolean; monitor: boolean }) {
  if (monitor) {
    return (
      <MediaControlBar className="player-bar">
        <MediaMuteButton />
        <span className="grow" />
        <Behind element={element} />
        <MediaFullscreenButton />
      </MediaControlBar>
    );
  }
  return (
    <>
      <MediaTimeRange className="player-time">
        <MediaPreviewThumbnail slot="preview" />
        <MediaPreviewTimeDisplay slot="preview" />
      </MediaTimeRange>
      <MediaControlBar className="player-bar">
        <MediaPlayButton />
        <MediaSeekBackwardButton seekOffset={10} className="wide-only" />
        <MediaMuteButton />
        <MediaVolumeRange className="wide-only" />
        {live ? <MediaLiveButton /> : <MediaTimeDisplay showDuration />}
        {live && <Behind element={element} />}
        <span className="grow" />
        <MediaCaptionsButton ref={asSwitch} />
        <MediaSettingsMenuButton />
        <MediaPipButton className="wide-only" />
        <MediaFullscreenButton />
      </MediaControlBar>
      <Settings />
    </>
  );
}

function Settings() {
  const { t } = useTranslation();
  return (
    <MediaSettingsMenu hidden anchor="auto">
      <MediaSettingsMenuItem>
        {t("player.quality")}
        <MediaRenditionMenu slot="submenu" hidden>
          <div slot="title">{t("player.quality")}</div>
        </MediaRenditionMenu>
      </MediaSettingsMenuItem>
      <MediaSettingsMenuItem>
        {t("player.captions")}
        <MediaCaptionsMenu slot="submenu" hidden>
          <div slot="title">{t("player.captions")}</div>
        </MediaCaptionsMenu>
      </MediaSettingsMenuItem>
      <MediaSettingsMenuItem>
        {t("player.speed")}
        <MediaPlaybackRateMenu slot="submenu" hidden rates={[0.75, 1, 1.25, 1.5, 2]}>
          <div slot="title">{t("player.speed")}</div>
        </MediaPlaybackRateMenu>
      </MediaSettingsMenuItem>
    </MediaSettingsMenu>
  );
}
