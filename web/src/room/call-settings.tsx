/** Choosing other devices during a call. */
import { useMediaDeviceSelect } from "@livekit/components-react";
import { supportsAudioOutputSelection } from "livekit-client";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { SelectField } from "@/ui/field";
import { useToast } from "@/ui/toast";

function DeviceSelect({ kind, label }: { kind: MediaDeviceKind; label: string }) {
  const toast = useToast();
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({ kind });
  const named = devices.filter((device) => device.label !== "");
  const options = named.length > 0 ? named.map((device) => ({ value: device.deviceId, label: device.label })) : [{ value: "", label: t("room.check.looking") }];
  const choose = (id: string) => {
    setActiveMediaDevice(id).catch(() => toast(t("room.settings.failed")));
  };
  return <SelectField label={label} options={options} value={activeDeviceId} disabled={named.length === 0} onChange={(event) => choose(event.target.value)} />;
}

export function CallSettings({ open, onClose, canPublish }: { open: boolean; onClose: () => void; canPublish: boolean }) {
  return (
    <Dialog open={open} onClose={onClose} title={t("room.settings.title")} actions={<Button onClick={onClose}>{t("room.settings.done")}</Button>}>
      <div className="col" style={{ marginTop: 16, gap: 16 }}>
        {canPublish && <DeviceSelect kind="videoinput" label={t("room.check.camera")} />}
        {canPublish && <DeviceSelect kind="audioinput" label={t("room.check.microphone")} />}
        {supportsAudioOutputSelection() && <DeviceSelect kind="audiooutput" label={t("room.check.speakers")} />}
        {canPublish && <p className="tiny">{t("room.settings.spaceBar")}</p>}
      </div>
    </Dialog>
  );
}
