/** Camera and microphone before a call: one device each, its choice, its failure. It joins nothing. */
import { createLocalAudioTrack, createLocalVideoTrack, type LocalAudioTrack, type LocalVideoTrack, VideoPresets } from "livekit-client";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type DeviceFailure, deviceFailure } from "./failures";

/** ```text
 * off ◀──toggle──▶ starting ──▶ on | failed
 * ``` */
export type Device<T> = { state: "off" } | { state: "starting" } | { state: "on"; track: T } | { state: "failed"; failure: DeviceFailure };

export interface DeviceControl<T> {
  device: Device<T>;
  enabled: boolean;
  setEnabled: (enabled: boolean) => void;
  deviceId: string | undefined;
  setDeviceId: (id: string) => void;
  retry: () => void;
  /**
   * Hands the track to the call: it is not stopped when the preview goes. Waits for a device that is still
   * starting; `undefined` when it is off or failed.
   */
  take: () => Promise<T | undefined>;
}

function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is blocked: the choice lasts for this visit.
  }
}

function useDevice<T extends LocalAudioTrack | LocalVideoTrack>(key: string, open: (deviceId: string | undefined) => Promise<T>): DeviceControl<T> {
  const [enabled, setEnabled] = useState(true);
  const [deviceId, setDeviceIdState] = useState(() => remembered(key));
  const [attempt, setAttempt] = useState(0);
  const [device, setDevice] = useState<Device<T>>({ state: "starting" });
  const opening = useRef<Promise<T | undefined>>(Promise.resolve(undefined));
  const handedOver = useRef(false);

  useEffect(() => {
    if (!enabled) {
      opening.current = Promise.resolve(undefined);
      setDevice({ state: "off" });
      return undefined;
    }
    let gone = false;
    let opened: T | undefined;
    setDevice({ state: "starting" });
    opening.current = open(deviceId).then(
      (track) => {
        opened = track;
        if (!gone) setDevice({ state: "on", track });
        else if (!handedOver.current) track.stop();
        return track;
      },
      (error: unknown) => {
        if (!gone) setDevice({ state: "failed", failure: deviceFailure(error, window.isSecureContext) });
        return undefined;
      },
    );
    return () => {
      gone = true;
      if (!handedOver.current) opened?.stop();
    };
  }, [enabled, deviceId, attempt, open]);

  const setDeviceId = useCallback(
    (id: string) => {
      remember(key, id);
      setDeviceIdState(id);
    },
    [key],
  );
  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  const take = useCallback(() => {
    handedOver.current = true;
    return opening.current;
  }, []);
  return useMemo(
    () => ({ device, enabled, setEnabled, deviceId, setDeviceId, retry, take }),
    [device, enabled, deviceId, setDeviceId, retry, take],
  );
}

/** `ideal`, not `exact`: an unplugged camera gives way to the one that is there. */
const openCamera = (deviceId: string | undefined) =>
  createLocalVideoTrack({ resolution: VideoPresets.h720.resolution, ...(deviceId && { deviceId: { ideal: deviceId } }) });
const openMicrophone = (deviceId: string | undefined) =>
  createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(deviceId && { deviceId: { ideal: deviceId } }) });

export interface Preview {
  camera: DeviceControl<LocalVideoTrack>;
  microphone: DeviceControl<LocalAudioTrack>;
}

export function usePreview(): Preview {
  const camera = useDevice("dais.camera", openCamera);
  const microphone = useDevice("dais.microphone", openMicrophone);
  return useMemo(() => ({ camera, microphone }), [camera, microphone]);
}

/** Devices of one kind that have a name; names come with the permission, hence `again`. */
export function useDeviceList(kind: MediaDeviceKind, again: unknown): readonly MediaDeviceInfo[] {
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  useEffect(() => {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media) return undefined;
    let gone = false;
    const read = () => {
      void media.enumerateDevices().then((all) => {
        if (!gone) setDevices(all.filter((device) => device.kind === kind && device.label !== ""));
      });
    };
    read();
    media.addEventListener("devicechange", read);
    return () => {
      gone = true;
      media.removeEventListener("devicechange", read);
    };
  }, [kind, again]);
  return devices;
}
