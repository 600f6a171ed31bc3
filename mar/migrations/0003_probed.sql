-- What an uploaded file is, as JSON, once it was looked at.
ALTER TABLE assets ADD COLUMN probed TEXT;
