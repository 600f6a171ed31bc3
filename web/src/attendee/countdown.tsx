/** The time until something starts, in large figures. */
import { t } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { dayAndTime, zoneName } from "@/lib/time";
import { countdown } from "./model";

export function Countdown({ until }: { until: Date }) {
  const now = useNow(1000);
  const left = countdown(until, now);
  const two = (value: number) => String(value).padStart(2, "0");
  if (!left) return <p>{t("attendee.anyMoment")}</p>;
  return (
    <>
      <span className="countdown" role="timer">
        {left.days > 0 ? t("attendee.daysLeft", { count: left.days }) : `${two(left.hours)}:${two(left.minutes)}:${two(left.seconds)}`}
      </span>
      <p>
        {dayAndTime(until, now)} {zoneName(until)}
      </p>
    </>
  );
}
