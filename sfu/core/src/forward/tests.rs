mod pacing;
mod repair;
mod scene;
mod sound;
mod switching;
