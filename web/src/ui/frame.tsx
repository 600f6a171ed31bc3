/** The bar on top of every screen that is not a call. */
import { type ReactNode, useEffect, useRef } from "react";
import { t } from "@/i18n";
import { Link, NavLink, useLocation } from "react-router";
import { MainContent } from "./main-content";
import { ThemeButton } from "./theme-button";

export interface Place {
  to: string;
  label: string;
  /** Only the exact address counts as being there. */
  end?: boolean;
}

export interface FrameProps {
  home: string;
  name: string;
  places?: readonly Place[];
  side?: ReactNode;
  onAir?: boolean;
  children: ReactNode;
}

export function Frame({ home, name, places = [], side, onAir = false, children }: FrameProps) {
  return (
    <>
      <a href="#content" className="btn skip">
        {t("common.skipToContent")}
      </a>
      <header className="top" data-air={onAir || undefined}>
        <Link to={home} className="logo" title={name}>
          <span className="ellipsis">{name}</span>
        </Link>
        {places.length > 0 && (
          <nav className="places" aria-label={t("common.places")}>
            {places.map((place) => (
              <NavLink key={place.to} to={place.to} end={place.end ?? false}>
                {place.label}
              </NavLink>
            ))}
          </nav>
        )}
        <span className="grow" />
        {side}
        <ThemeButton />
      </header>
      {children}
    </>
  );
}

/** The content of a screen; takes the focus when another address is opened, so that readers start here. */
export function Page({ narrow = false, wide = false, children }: { narrow?: boolean; wide?: boolean; children: ReactNode }) {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [pathname]);
  return (
    <MainContent ref={main} tabIndex={-1} className={["page", narrow ? "narrow" : "", wide ? "wide" : ""].join(" ")}>
      {children}
    </MainContent>
  );
}
