//! Seeded rooms.
