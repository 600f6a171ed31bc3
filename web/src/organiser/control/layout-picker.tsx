/** Layouts as pictures. */
import { RadioGroup } from "radix-ui";
import { t } from "@/i18n";
import { LAYOUTS, type Layout } from "./programme";

const CELLS: Record<Layout, number> = { solo: 1, side_by_side: 2, grid: 4 };

export function LayoutPicker({ value, onChange }: { value: Layout; onChange: (layout: Layout) => void }) {
  return (
    <RadioGroup.Root className="layouts" aria-label={t("organiser.control.layout")} value={value} onValueChange={(next) => onChange(LAYOUTS.find((layout) => layout === next) ?? value)}>
      {LAYOUTS.map((layout) => (
        <RadioGroup.Item key={layout} value={layout} className="layout" data-layout={layout} title={t(`organiser.control.layouts.${layout}`)}>
          <span className="layout-picture" aria-hidden>
            {Array.from({ length: CELLS[layout] }, (_, cell) => (
              <i key={cell} />
            ))}
          </span>
          <span className="layout-name">{t(`organiser.control.layouts.${layout}`)}</span>
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  );
}
