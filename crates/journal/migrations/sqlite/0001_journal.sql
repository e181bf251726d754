-- What marks the file as Usher's: "Ushr".
PRAGMA application_id = 0x55736872;

-- One accepted webhook each. `document` is the whole row as JSON; the columns before it are what is looked up by.
-- Times are nanoseconds since 1970, since text of differing precision does not sort.
CREATE TABLE requests (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL UNIQUE,
    delivery_key TEXT UNIQUE,
    connection TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    app_key TEXT NOT NULL,
    direction TEXT NOT NULL,
    execution TEXT NOT NULL,
    -- 1 while a start has to look at it: not final, or not answered.
    open INTEGER NOT NULL,
    received INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX requests_open ON requests (seq) WHERE open = 1;
CREATE INDEX requests_by_execution ON requests (execution, seq);
CREATE INDEX requests_by_app ON requests (app_key, seq);
CREATE INDEX requests_by_connection ON requests (connection, seq);
CREATE INDEX requests_by_subject ON requests (subject_key, seq);
CREATE INDEX requests_by_received ON requests (received, seq);

-- Apart from the rows, which are written again with every commit and would drag the body along.
CREATE TABLE bodies (
    request INTEGER PRIMARY KEY REFERENCES requests (row),
    body BLOB NOT NULL
) STRICT;

-- Append-only, in order: `n` counts from 1 within a request.
CREATE TABLE history (
    request INTEGER NOT NULL REFERENCES requests (row),
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (request, n)
) STRICT, WITHOUT ROWID;

-- All that is known of one (connection, subject).
CREATE TABLE ledgers (
    connection TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    account TEXT,
    document TEXT NOT NULL,
    PRIMARY KEY (connection, subject_key)
) STRICT;

CREATE INDEX ledgers_by_account ON ledgers (connection, account, subject_key) WHERE account IS NOT NULL;

CREATE TABLE pauses (
    connection TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- `seq`: the last place in the order of acceptance. `clean`: 1 while nobody has it open and the last one closed it.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

INSERT INTO meta (key, value) VALUES ('seq', 0), ('clean', 0);
