-- 1 while there may be something about the person beyond their key: the body as received, or what came of it in the row.
ALTER TABLE requests ADD COLUMN payload INTEGER NOT NULL DEFAULT 1;

-- What is looked through for something old enough to go: requests that are settled, by their last change.
CREATE INDEX requests_settled ON requests (updated, id) WHERE open = 0;
CREATE INDEX requests_settled_with_payload ON requests (updated, id) WHERE open = 0 AND payload = 1;
