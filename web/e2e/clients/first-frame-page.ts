/** Joins a room by livekit-client again and again, and says how long each join takes to its first decoded frame. */
import { createLocalVideoTrack, Room, RoomEvent, Track } from "livekit-client";

/** In JSON in the address's fragment. */
export interface FirstFrameWish {
  url: string;
  token: string;
  singlePeerConnection: boolean;
}

export interface FirstFramePage {
  /** Publishes a camera until the page goes away. */
  publish: () => Promise<void>;
  /** Joins, waits for a decoded frame of somebody's camera, and leaves; milliseconds in between. */
  join: () => Promise<number>;
}

declare global {
  interface Window {
    firstFrame: FirstFramePage;
  }
}

const wish = JSON.parse(decodeURIComponent(window.location.hash.slice(1))) as FirstFrameWish;

function newRoom(): Room {
  return new Room({ singlePeerConnection: wish.singlePeerConnection });
}

/** The moment at which a frame of this element is first handed to the screen. */
function presented(element: HTMLVideoElement): Promise<number> {
  return new Promise((resolve) => element.requestVideoFrameCallback(() => resolve(performance.now())));
}

window.firstFrame = {
  async publish() {
    const room = newRoom();
    await room.connect(wish.url, wish.token);
    const camera = await createLocalVideoTrack({ resolution: { width: 1280, height: 720, frameRate: 30 } });
    await room.localParticipant.publishTrack(camera, { source: Track.Source.Camera });
  },
  async join() {
    const room = newRoom();
    const began = performance.now();
    const shown = new Promise<number>((resolve) => {
      room.on(RoomEvent.TrackSubscribed, (track) => {
        const element = track.attach() as HTMLVideoElement;
        document.body.append(element);
        void presented(element).then(resolve);
      });
    });
    await room.connect(wish.url, wish.token);
    const took = (await shown) - began;
    await room.disconnect();
    document.body.replaceChildren();
    return took;
  },
};
