/** A menu behind a button, and the theme menu made of it. */
import { Check, Monitor, Moon, Sun } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { type ThemeChoice, useTheme } from "@/lib/theme";

export function Menu({ trigger, children }: { trigger: ReactNode; children: ReactNode }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={6} collisionPadding={10}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem({ icon, onSelect, children }: { icon?: ReactNode; onSelect: () => void; children: ReactNode }) {
  return (
    <DropdownMenu.Item className="menu-item" onSelect={onSelect}>
      {icon}
      {children}
    </DropdownMenu.Item>
  );
}

const THEME_ICONS = { system: Monitor, light: Sun, dark: Moon } as const;
const THEMES: readonly ThemeChoice[] = ["system", "light", "dark"];

export function ThemeMenu() {
  const { t } = useTranslation();
  const [choice, choose] = useTheme();
  const Current = THEME_ICONS[choice];
  return (
    <Menu
      trigger={
        <button type="button" className="btn ghost icon-only" aria-label={t("theme.label")}>
          <Current size={18} aria-hidden />
        </button>
      }
    >
      <DropdownMenu.RadioGroup value={choice}>
        {THEMES.map((theme) => {
          const Icon = THEME_ICONS[theme];
          return (
            <DropdownMenu.RadioItem key={theme} value={theme} className="menu-item" onSelect={() => choose(theme)}>
              <Icon size={16} aria-hidden />
              {t(`theme.${theme}`)}
              <DropdownMenu.ItemIndicator className="check">
                <Check size={16} aria-hidden />
              </DropdownMenu.ItemIndicator>
            </DropdownMenu.RadioItem>
          );
        })}
      </DropdownMenu.RadioGroup>
    </Menu>
  );
}
