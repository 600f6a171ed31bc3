/** Which address shows which screen. Each screen is a bundle of its own, loaded when it is opened or about to be. */
import { type ComponentType, lazy, type LazyExoticComponent } from "react";

export interface Screen {
  /** Pattern of the address, as react-router reads it. */
  path: string;
  load: () => Promise<unknown>;
  Component: LazyExoticComponent<ComponentType>;
}

/** `load` brings the bundle; `name` is the component in it. */
function screen<Name extends string>(path: string, load: () => Promise<Record<Name, ComponentType>>, name: Name): Screen {
  return { path, load, Component: lazy(async () => ({ default: (await load())[name] })) };
}

const shell = <Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name) => screen("", load, name);

export const organiser = {
  shell: shell(() => import("./organiser/shell"), "OrganiserShell"),
  screens: [
    screen("/events", () => import("./organiser/events"), "Events"),
    screen("/events/:eventId", () => import("./organiser/setup/setup"), "EventSetup"),
    screen("/events/:eventId/replays", () => import("./organiser/replays/replays"), "Replays"),
    screen("/events/:eventId/stages/:stageId", () => import("./organiser/control/control-room"), "ControlRoom"),
  ],
};

export const attendee = {
  shell: shell(() => import("./attendee/shell"), "AttendeeShell"),
  screens: [
    screen("/e/:eventId", () => import("./attendee/reception/reception"), "Reception"),
    screen("/e/:eventId/stages/:stageId", () => import("./attendee/stage/stage"), "Stage"),
    screen("/e/:eventId/stages/:stageId/backstage", () => import("./attendee/stage/backstage"), "BackstageRoom"),
    screen("/e/:eventId/sessions/:sessionId", () => import("./attendee/session/session"), "Session"),
    screen("/e/:eventId/replays", () => import("./attendee/replay-list"), "ReplayList"),
    screen("/e/:eventId/replays/:replayId", () => import("./attendee/replay"), "Replay"),
  ],
};

export const alone = [
  screen("/", () => import("./home"), "Home"),
  screen("/sign-in", () => import("./organiser/sign-in"), "SignIn"),
  screen("/join/:eventId?", () => import("./attendee/join"), "Join"),
];

export const screens: readonly Screen[] = [...alone, ...attendee.screens, ...organiser.screens];
