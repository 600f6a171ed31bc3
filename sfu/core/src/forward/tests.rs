mod layers;
mod pacing;
mod probing;
mod repair;
mod scalable;
mod scene;
mod sound;
mod switching;
