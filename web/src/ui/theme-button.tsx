/** The button of the theme menu. */
import { Monitor, Moon, Sun } from "lucide-react";
import { type ButtonHTMLAttributes, lazy, type Ref, Suspense, useState } from "react";
import { t } from "@/i18n";
import { type ThemeChoice, useTheme } from "@/lib/theme";

const load = () => import("./theme-menu");
const ThemeMenu = lazy(async () => ({ default: (await load()).ThemeMenu }));

const ICONS = { system: Monitor, light: Sun, dark: Moon } as const;

function Trigger({ choice, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { choice: ThemeChoice; ref?: Ref<HTMLButtonElement> }) {
  const Icon = ICONS[choice];
  return (
    <button type="button" aria-haspopup="menu" {...rest} className="btn ghost icon-only" aria-label={t("theme.label")}>
      <Icon size={18} aria-hidden />
    </button>
  );
}

export function ThemeButton() {
  const [choice, choose] = useTheme();
  const [wanted, setWanted] = useState(false);
  const prefetch = () => void load().catch(() => undefined);
  if (!wanted) return <Trigger choice={choice} onClick={() => setWanted(true)} onPointerEnter={prefetch} onFocus={prefetch} />;
  return (
    <Suspense fallback={<Trigger choice={choice} aria-busy />}>
      <ThemeMenu trigger={<Trigger choice={choice} />} choice={choice} onChoose={choose} />
    </Suspense>
  );
}
