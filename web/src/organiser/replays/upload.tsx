/** Uploading a video, by choosing or dropping a file. */
import { FileVideo } from "lucide-react";
import { type ChangeEvent, type DragEvent, useRef, useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/parts";
import { type UploadState, useUpload } from "./use-upload";

const MIB = 1024 * 1024;

function sizeText(bytes: number): string {
  return new Intl.NumberFormat(undefined, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(bytes / MIB);
}

function percent(sent: number, size: number): number {
  return size === 0 ? 100 : Math.floor((sent / size) * 100);
}

export function Upload({ eventId }: { eventId: string }) {
  const { upload, start, giveUp } = useUpload(eventId);
  const [over, setOver] = useState(false);
  const [wrong, setWrong] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (file: File | undefined) => {
    if (file) setWrong(!start(file));
  };
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    take(event.target.files?.[0]);
    event.target.value = "";
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  const allow = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    <section className="col" aria-labelledby="upload" data-testid="upload" data-state={upload.state}>
      <h2 id="upload">{t("organiser.replays.upload")}</h2>
      <div className="upload-drop" data-over={over || undefined} onDragOver={allow} onDragLeave={() => setOver(false)} onDrop={drop}>
        <FileVideo size={28} strokeWidth={1.5} aria-hidden />
        <p className="small muted grow">{t("organiser.replays.uploadText")}</p>
        <input ref={input} type="file" accept="video/*,.mkv" className="visually-hidden" aria-label={t("organiser.replays.choose")} onChange={choose} tabIndex={-1} />
        <Button block disabled={upload.state === "sending"} onClick={() => input.current?.click()}>
          {t("organiser.replays.choose")}
        </Button>
      </div>
      <Progress upload={upload} onGiveUp={giveUp} wrong={wrong} />
    </section>
  );
}

function Progress({ upload, onGiveUp, wrong }: { upload: UploadState; onGiveUp: () => void; wrong: boolean }) {
  switch (upload.state) {
    case "idle":
      return null;
    case "arrived":
      return <Notice kind="good">{t("organiser.replays.processing")}</Notice>;
    case "sending":
      return (
        <div className="card pad col">
          <div className="row">
            <h3 className="grow ellipsis">{upload.name}</h3>
            <Button size="sm" onClick={onGiveUp}>
              {t("organiser.replays.giveUp")}
            </Button>
          </div>
          <div className="meter accent" role="progressbar" aria-label={upload.name} aria-valuenow={percent(upload.sent, upload.size)}>
            <i style={{ transform: `scaleX(${upload.size === 0 ? 1 : upload.sent / upload.size})` }} />
          </div>
          <p className="tiny">{t("organiser.replays.uploading", { percent: percent(upload.sent, upload.size), size: sizeText(upload.size) })}</p>
        </div>
      );
    case "paused":
      return (
        <Notice kind="warn" title={t("organiser.replays.pausedTitle", { name: upload.pending.name })}>
          {upload.problem && <p>{t("organiser.replays.uploadFailed", { reason: upload.problem })}</p>}
          <p>{wrong ? t("organiser.replays.otherFile", { name: upload.pending.name }) : t("organiser.replays.pausedText", { percent: percent(upload.sent, upload.pending.size) })}</p>
          <Button size="sm" onClick={onGiveUp}>
            {t("organiser.replays.giveUp")}
          </Button>
        </Notice>
      );
  }
}
