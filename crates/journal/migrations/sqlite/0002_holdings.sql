-- 1 while somebody holds something by it, or something is open: what `holdings` lists. A change that the vendor has not answered
-- has another state than `answered`.
ALTER TABLE ledgers ADD COLUMN holding INTEGER NOT NULL DEFAULT 0;

UPDATE ledgers SET holding = 1
WHERE json_valid(document)
  AND (json_array_length(document, '$.holders') > 0
       OR document -> '$.unfinished' <> '{}'
       OR EXISTS (SELECT 1 FROM json_each(document, '$.changes') AS change WHERE change.value -> '$.state.answered' IS NULL));

CREATE INDEX ledgers_holding ON ledgers (connection, subject_key) WHERE holding = 1;
CREATE INDEX ledgers_holding_by_subject ON ledgers (subject_key, connection) WHERE holding = 1;

-- Whether the sender still has to hear of it.
ALTER TABLE requests ADD COLUMN telling TEXT NOT NULL DEFAULT 'none';

UPDATE requests SET telling = document ->> '$.telling' WHERE json_valid(document);

CREATE INDEX requests_due ON requests (seq) WHERE telling = 'due';
