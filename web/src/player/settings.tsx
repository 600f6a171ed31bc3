/** Quality, captions and speed, in the browser's own choosers: they know every keyboard, screen reader and phone. */
import { Settings as SettingsIcon } from "lucide-react";
import type { HlsVideoElement } from "hls-video-element";
import { useEffect, useId, useRef } from "react";
import { t } from "@/i18n";
import { ControlButton } from "./control-button";
import type { MediaState } from "./media";
import { AUTO, useQuality } from "./quality";
import type { Captions } from "./tracks";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2] as const;

interface Choice {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChoose: (value: string) => void;
}

function Chooser({ label, value, options, onChoose }: Choice) {
  const id = useId();
  return (
    <div className="player-choice">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChoose(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

export interface SettingsProps {
  element: HlsVideoElement | null;
  media: MediaState;
  captions: Captions;
  /** hls.js runs, so its levels can be asked. */
  streaming: boolean;
  open: boolean;
  onOpen: (open: boolean) => void;
}

export function Settings({ element, media, captions, streaming, open, onOpen }: SettingsProps) {
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();
  const quality = useQuality(element, streaming);
  useEffect(() => {
    if (open) panel.current?.querySelector("select")?.focus();
  }, [open]);
  useEffect(() => {
    const box = panel.current;
    if (!open || !box) return undefined;
    const close = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      onOpen(false);
      button.current?.focus();
    };
    box.addEventListener("keydown", close);
    return () => box.removeEventListener("keydown", close);
  }, [open, onOpen]);
  const auto = quality.playing ? t("player.autoNow", { height: quality.playing }) : t("player.auto");
  const sizes = quality.heights.map((height, level) => ({ value: String(level), label: `${height}p` }));
  const shown = captions.tracks.find((track) => track.on)?.key ?? "";
  return (
    <>
      <ControlButton label={t("player.settings")} ref={button} aria-expanded={open} aria-controls={id} onClick={() => onOpen(!open)}>
        <SettingsIcon size={20} aria-hidden />
      </ControlButton>
      <div className="player-settings" id={id} ref={panel} hidden={!open} role="group" aria-label={t("player.settings")}>
        {sizes.length > 1 && (
          <Chooser label={t("player.quality")} value={String(quality.chosen)} options={[{ value: String(AUTO), label: auto }, ...sizes.toReversed()]} onChoose={(value) => quality.choose(Number(value))} />
        )}
        {captions.tracks.length > 0 && (
          <Chooser
            label={t("player.captions")}
            value={shown}
            options={[{ value: "", label: t("player.off") }, ...captions.tracks.map((track) => ({ value: track.key, label: track.label }))]}
            onChoose={(value) => captions.show(value || undefined)}
          />
        )}
        <Chooser
          label={t("player.speed")}
          value={String(media.rate)}
          options={SPEEDS.map((speed) => ({ value: String(speed), label: `${speed}×` }))}
          onChoose={(value) => {
            if (element) element.playbackRate = Number(value);
          }}
        />
      </div>
    </>
  );
}
