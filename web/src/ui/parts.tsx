/** Chips, avatars, skeletons, empty states, notices: the small words of the interface. */
import { CircleAlert, CircleCheck, Info } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { initials, personGradient } from "@/lib/people";

export type ChipKind = "plain" | "live" | "good" | "warn" | "on-video";

export function Chip({ kind = "plain", size, children }: { kind?: ChipKind; size?: "lg"; children: ReactNode }) {
  return <span className={`chip ${kind} ${size ?? ""}`}>{children}</span>;
}

/** The one red thing: it says that an audience sees this now. */
export function LiveChip({ label, size }: { label?: string; size?: "lg" }) {
  return (
    <Chip kind="live" {...(size && { size })}>
      <span className="dot" />
      {label ?? t("common.live")}
    </Chip>
  );
}

export function Avatar({ name, large = false }: { name: string; large?: boolean }) {
  return (
    <span className={large ? "avatar lg" : "avatar"} style={{ background: personGradient(name) }} aria-hidden>
      {initials(name)}
    </span>
  );
}

/** Reserves the space of what is on its way. */
export function Skeleton({ width = "100%", height = 16 }: { width?: number | string; height?: number | string }) {
  return <div className="skeleton" style={{ width, height }} aria-hidden />;
}

export function SkeletonList({ rows = 3, height = 72 }: { rows?: number; height?: number }) {
  return (
    <div className="col" role="status">
      <span className="visually-hidden">{t("common.loading")}</span>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} />
      ))}
    </div>
  );
}

/** A screen whose bundle is on its way. */
export function Loading() {
  return (
    <main className="page">
      <SkeletonList height={120} />
    </main>
  );
}

export function Empty({ icon, title, text, action }: { icon: ReactNode; title: string; text: string; action?: ReactNode }) {
  return (
    <div className="empty">
      <span className="mark">{icon}</span>
      <h2>{title}</h2>
      <p className="muted">{text}</p>
      {action}
    </div>
  );
}

const NOTICE_ICONS = { plain: Info, warn: CircleAlert, good: CircleCheck } as const;

export function Notice({ kind = "plain", title, children }: { kind?: "plain" | "warn" | "good"; title?: string; children: ReactNode }) {
  const Icon = NOTICE_ICONS[kind];
  return (
    <div className={`notice ${kind}`} role={kind === "warn" ? "alert" : "status"}>
      <Icon size={18} aria-hidden />
      <div>
        {title && <h3>{title}</h3>}
        {children}
      </div>
    </div>
  );
}
