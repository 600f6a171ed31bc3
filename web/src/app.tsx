/** The app: its addresses, and what stands in while a screen's bundle is on its way. */
import { Suspense } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { alone, attendee, organiser, type Screen } from "./screens";
import { Loading } from "./ui/parts";
import { NotFound } from "./ui/problem";
import { ScreenBoundary } from "./ui/screen-boundary";

function routesOf(screens: readonly Screen[]) {
  return screens.map(({ path, Component }) => <Route key={path} path={path} element={<Component />} />);
}

export function App() {
  return (
    <BrowserRouter>
      <ScreenBoundary>
        <Suspense fallback={<Loading />}>
          <Routes>
            {routesOf(alone)}
            <Route element={<attendee.shell.Component />}>{routesOf(attendee.screens)}</Route>
            <Route element={<organiser.shell.Component />}>{routesOf(organiser.screens)}</Route>
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </ScreenBoundary>
    </BrowserRouter>
  );
}
