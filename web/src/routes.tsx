/** Which address shows which screen. Each screen is a bundle of its own, loaded when it is opened. */
import { createBrowserRouter, type RouteObject } from "react-router";
import { Loading } from "./ui/parts";
import { NotFound, ScreenError } from "./ui/problem";

const organiser: RouteObject = {
  lazy: async () => ({ Component: (await import("./organiser/shell")).OrganiserShell }),
  children: [
    { path: "/events", lazy: async () => ({ Component: (await import("./organiser/events")).Events }) },
    { path: "/events/:eventId", lazy: async () => ({ Component: (await import("./organiser/setup/setup")).EventSetup }) },
    { path: "/events/:eventId/replays", lazy: async () => ({ Component: (await import("./organiser/replays/replays")).Replays }) },
    { path: "/events/:eventId/stages/:stageId", lazy: async () => ({ Component: (await import("./organiser/control/control-room")).ControlRoom }) },
  ],
};

const attendee: RouteObject = {
  path: "/e/:eventId",
  lazy: async () => ({ Component: (await import("./attendee/shell")).AttendeeShell }),
  children: [
    { index: true, lazy: async () => ({ Component: (await import("./attendee/reception/reception")).Reception }) },
    { path: "stages/:stageId", lazy: async () => ({ Component: (await import("./attendee/stage/stage")).Stage }) },
    { path: "stages/:stageId/backstage", lazy: async () => ({ Component: (await import("./attendee/stage/backstage")).BackstageRoom }) },
    { path: "sessions/:sessionId", lazy: async () => ({ Component: (await import("./attendee/session/session")).Session }) },
    { path: "replays", lazy: async () => ({ Component: (await import("./attendee/replay-list")).ReplayList }) },
    { path: "replays/:replayId", lazy: async () => ({ Component: (await import("./attendee/replay")).Replay }) },
  ],
};

export const router = createBrowserRouter([
  {
    errorElement: <ScreenError />,
    hydrateFallbackElement: <Loading />,
    children: [
      { path: "/", lazy: async () => ({ Component: (await import("./home")).Home }) },
      { path: "/sign-in", lazy: async () => ({ Component: (await import("./organiser/sign-in")).SignIn }) },
      { path: "/join/:eventId?", lazy: async () => ({ Component: (await import("./attendee/join")).Join }) },
      organiser,
      attendee,
      { path: "*", element: <NotFound /> },
    ],
  },
]);
