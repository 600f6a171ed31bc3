/** Before a call: see yourself, hear that the microphone works, choose devices, join. */
import "./device-check.css";
import { Mic, MicOff, Video, VideoOff } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { t } from "@/i18n";
import type { LocalAudioTrack, LocalVideoTrack } from "livekit-client";
import { Button } from "@/ui/button";
import { SelectField } from "@/ui/field";
import { MainContent } from "@/ui/main-content";
import { Avatar, Notice } from "@/ui/parts";
import { browserKind, type DeviceFailure } from "./failures";
import { MicMeter } from "./mic-meter";
import { type DeviceControl, useDeviceList, usePreview } from "./preview";

export interface LocalTracks {
  camera: LocalVideoTrack | undefined;
  microphone: LocalAudioTrack | undefined;
}

export interface DeviceCheckProps {
  name: string;
  title: string;
  text: string;
  joinLabel: string;
  onJoin: (tracks: Promise<LocalTracks>) => void;
  /** Other ways in, for example as a viewer. */
  extra?: ReactNode;
}

export function DeviceCheck({ name, title, text, joinLabel, onJoin, extra }: DeviceCheckProps) {
  const { camera, microphone } = usePreview();
  const mic = microphone.device.state === "on" ? microphone.device.track : undefined;
  return (
    <MainContent className="check">
      <div className="check-picture">
        <CameraPreview control={camera} name={name} />
        <div className="check-toggles">
          <DeviceToggle control={microphone} on={<Mic size={20} aria-hidden />} off={<MicOff size={20} aria-hidden />} label={t("room.check.microphone")} />
          <DeviceToggle control={camera} on={<Video size={20} aria-hidden />} off={<VideoOff size={20} aria-hidden />} label={t("room.check.camera")} />
        </div>
      </div>
      <div className="check-side">
        <div>
          <h1>{title}</h1>
          <p className="muted">{text}</p>
        </div>
        <DeviceChoice kind="videoinput" control={camera} label={t("room.check.camera")} />
        <div className="col">
          <DeviceChoice kind="audioinput" control={microphone} label={t("room.check.microphone")} />
          <MicMeter track={mic} />
        </div>
        <Button kind="primary" size="lg" block onClick={() => onJoin(takeBoth(camera, microphone))}>
          {joinLabel}
        </Button>
        {extra}
      </div>
    </MainContent>
  );
}

async function takeBoth(camera: DeviceControl<LocalVideoTrack>, microphone: DeviceControl<LocalAudioTrack>): Promise<LocalTracks> {
  const [video, audio] = await Promise.all([camera.take(), microphone.take()]);
  return { camera: video, microphone: audio };
}

function CameraPreview({ control, name }: { control: DeviceControl<LocalVideoTrack>; name: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const track = control.device.state === "on" ? control.device.track : undefined;
  useEffect(() => {
    const element = video.current;
    if (!element || !track) return undefined;
    track.attach(element);
    return () => {
      track.detach(element);
    };
  }, [track]);
  return (
    <div className="tile check-tile">
      <video ref={video} className="mirrored" muted playsInline hidden={!track} aria-label={t("room.check.preview")} />
      {!track && <Avatar name={name} large />}
      <span className="tile-name">
        {name || t("room.tile.you")}
        {control.device.state === "starting" && ` · ${t("room.check.starting")}`}
        {control.device.state === "off" && ` · ${t("room.tile.cameraOff")}`}
      </span>
    </div>
  );
}

type AnyControl = DeviceControl<LocalVideoTrack> | DeviceControl<LocalAudioTrack>;

function DeviceToggle({ control, on, off, label }: { control: AnyControl; on: ReactNode; off: ReactNode; label: string }) {
  const live = control.enabled && control.device.state !== "failed";
  return (
    <button type="button" className="dock-btn" aria-pressed={live} data-off={!live || undefined} aria-label={label} onClick={() => control.setEnabled(!control.enabled)}>
      {live ? on : off}
    </button>
  );
}

function DeviceChoice({ kind, control, label }: { kind: "videoinput" | "audioinput"; control: AnyControl; label: string }) {
  const devices = useDeviceList(kind, control.device.state);
  if (control.device.state === "failed") return <DeviceProblem kind={kind} failure={control.device.failure} onRetry={control.retry} />;
  const current = devices.find((device) => device.deviceId === control.deviceId)?.deviceId ?? devices[0]?.deviceId ?? "";
  const options = devices.length > 0 ? devices.map((device) => ({ value: device.deviceId, label: device.label })) : [{ value: "", label: t("room.check.looking") }];
  return <SelectField label={label} options={options} value={current} disabled={devices.length === 0} onChange={(event) => control.setDeviceId(event.target.value)} />;
}

function DeviceProblem({ kind, failure, onRetry }: { kind: "videoinput" | "audioinput"; failure: DeviceFailure; onRetry: () => void }) {
  const browser = browserKind(navigator.userAgent);
  const fix = failure === "denied" ? t(`room.device.fix_${browser}`) : t(`room.device.fix_${failure}`);
  return (
    <Notice kind="warn" title={t(`room.device.${kind === "videoinput" ? "camera" : "microphone"}_${failure}`)}>
      <p>{fix}</p>
      <Button size="sm" onClick={onRetry}>
        {t("common.tryAgain")}
      </Button>
    </Notice>
  );
}
