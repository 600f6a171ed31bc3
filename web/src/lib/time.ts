/** Times as people read them, in the viewer's zone. Pure: `now` is a parameter. */

/** `00:31:07`, or `31:07` for less than an hour when `short`. */
export function clock(totalMs: number, short = false): string {
  const total = Math.max(0, Math.floor(totalMs / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const rest = `${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`;
  return short && hours === 0 ? rest : `${two(hours)}:${rest}`;
}

/** `16:30` in the viewer's zone and habit. */
export function timeOfDay(at: Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** `15:46:02`: for moments where seconds matter. */
export function exactTime(at: Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

/** `Mon 23 Nov, 16:30`; the year is shown when it is not this one. */
export function dayAndTime(at: Date, now: Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    ...(at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }),
  }).format(at);
}

/** A coarse distance: `in 44 minutes`, `2 days ago`. */
export function fromNow(at: Date, now: Date, locale?: string): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, "second");
  if (size < 3600) return format.format(Math.trunc(seconds / 60), "minute");
  if (size < 86_400) return format.format(Math.trunc(seconds / 3600), "hour");
  return format.format(Math.trunc(seconds / 86_400), "day");
}

/** The viewer's zone as people write it: `CET`. */
export function zoneName(at: Date, locale?: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZoneName: "short" }).formatToParts(at);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}

/** The value of an `<input type="datetime-local">` for a moment, in the viewer's zone. */
export function toLocalInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Which greeting suits the viewer's hour. */
export function partOfDay(at: Date): "morning" | "afternoon" | "evening" {
  const hour = at.getHours();
  if (hour < 12) return "morning";
  return hour < 18 ? "afternoon" : "evening";
}
