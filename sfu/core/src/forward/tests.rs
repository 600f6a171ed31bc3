mod layers;
mod pacing;
mod repair;
mod scalable;
mod scene;
mod sound;
mod switching;
