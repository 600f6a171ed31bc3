/** Stage health in numbers that an organiser understands. */
import { type ReactNode, useEffect, useState } from "react";
import { t } from "@/i18n";
import type { StageHealth, StageStatus } from "@/api/types";
import { clock, exactTime } from "@/lib/time";

/** Silence on the meter's scale, and full. */
const QUIET_DBFS = -60;
/** How many seconds of frame rates the line shows. */
const SAMPLES = 60;

export function Health({ status }: { status: StageStatus }) {
  const { health } = status;
  return (
    <section className="card" aria-labelledby="health">
      <h2 id="health">{t("organiser.health.title")}</h2>
      {health ? (
        <>
          <Spark fps={health.fps} />
          <Figures status={status} health={health} />
          <Sound dbfs={health.level_dbfs} />
        </>
      ) : (
        <p className="small muted">{t("organiser.health.waiting")}</p>
      )}
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Figures({ status, health }: { status: StageStatus; health: StageHealth }) {
  return (
    <dl className="kv">
      <Figure name={t("organiser.health.picture")}>{t("organiser.health.fps", { fps: health.fps.toFixed(0) })}</Figure>
      <Figure name={t("organiser.health.late")}>{health.late_frames}</Figure>
      <Figure name={t("organiser.health.sources")}>{health.sources}</Figure>
      <Figure name={t("organiser.health.mixer")}>{t("organiser.health.cores", { cores: health.cpu_cores.toFixed(2) })}</Figure>
      <Figure name={t("organiser.health.duration")}>{clock(status.recorded_ms ?? 0)}</Figure>
      <Figure name={t("organiser.health.savedUpTo")}>{status.saved_up_to ? exactTime(new Date(status.saved_up_to)) : t("organiser.health.notYet")}</Figure>
      {health.waiting_files > 0 && <Figure name={t("organiser.health.spool")}>{health.waiting_files}</Figure>}
      {health.restarts > 0 && <Figure name={t("organiser.health.restarts")}>{health.restarts}</Figure>}
    </dl>
  );
}

function Spark({ fps }: { fps: number }) {
  const [samples, setSamples] = useState<readonly number[]>([]);
  useEffect(() => setSamples((before) => [...before.slice(1 - SAMPLES), fps]), [fps]);
  const top = Math.max(30, ...samples);
  const points = samples.map((value, index) => `${(index / (SAMPLES - 1)) * 260},${34 - (value / top) * 30}`).join(" ");
  return (
    <svg className="spark" viewBox="0 0 260 36" preserveAspectRatio="none" aria-hidden>
      <polyline points={points} fill="none" stroke="var(--good)" strokeWidth="2" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function Sound({ dbfs }: { dbfs: number }) {
  const silent = dbfs <= QUIET_DBFS;
  const part = Math.min(1, Math.max(0, 1 - dbfs / QUIET_DBFS));
  return (
    <div className="row">
      <span className="small muted">{t("organiser.health.sound")}</span>
      <div className="meter grow" aria-hidden>
        <i style={{ transform: `scaleX(${part})` }} />
      </div>
      <span className="tiny">{silent ? t("organiser.health.silent") : t("organiser.health.level", { level: dbfs.toFixed(0) })}</span>
    </div>
  );
}
