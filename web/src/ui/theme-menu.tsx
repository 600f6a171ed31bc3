/** The open menu of themes. It is rarely used, so its bundle comes when somebody points at the button. */
import { Check, Monitor, Moon, Sun } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import type { ThemeChoice } from "@/lib/theme";
import { Menu } from "./menu";

const THEMES = [
  { theme: "system", Icon: Monitor },
  { theme: "light", Icon: Sun },
  { theme: "dark", Icon: Moon },
] as const;

export interface ThemeMenuProps {
  trigger: ReactNode;
  choice: ThemeChoice;
  onChoose: (choice: ThemeChoice) => void;
}

export function ThemeMenu({ trigger, choice, onChoose }: ThemeMenuProps) {
  return (
    <Menu trigger={trigger} open>
      <DropdownMenu.RadioGroup value={choice}>
        {THEMES.map(({ theme, Icon }) => (
          <DropdownMenu.RadioItem key={theme} value={theme} className="menu-item" onSelect={() => onChoose(theme)}>
            <Icon size={16} aria-hidden />
            {t(`theme.${theme}`)}
            <DropdownMenu.ItemIndicator className="check">
              <Check size={16} aria-hidden />
            </DropdownMenu.ItemIndicator>
          </DropdownMenu.RadioItem>
        ))}
      </DropdownMenu.RadioGroup>
    </Menu>
  );
}
