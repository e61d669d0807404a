-- SQLite. The same tables for PostgreSQL differ in three words: BLOB is BYTEA, AUTOINCREMENT is an identity
-- column, and the two triggers become one function. Everything else is written in what both understand:
-- times are BIGINT microseconds since 1970-01-01T00:00:00Z, ids are TEXT, JSON is TEXT (the audit hash
-- covers its exact bytes, which a JSON type would not keep).

CREATE TABLE hotels (
    id          TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    -- Number and hash of the newest audit row: a chain cannot show by itself that its end was cut off.
    audit_seq   BIGINT  NOT NULL,
    audit_hash  TEXT    NOT NULL,
    CONSTRAINT hotels_pk PRIMARY KEY (id)
);

CREATE TABLE employees (
    hotel_id           TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    name               TEXT,
    department         TEXT,
    role               TEXT,
    -- The best template, for readers of the contract's column. No foreign key: templates point here.
    face_embedding_id  TEXT,
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    CONSTRAINT employees_pk PRIMARY KEY (hotel_id, id),
    CONSTRAINT employees_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE consents (
    id              TEXT    NOT NULL,
    hotel_id        TEXT    NOT NULL,
    employee_id     TEXT    NOT NULL,
    given_at        BIGINT  NOT NULL,
    policy_version  TEXT    NOT NULL,
    recorded_by     TEXT    NOT NULL,
    recorded_at     BIGINT  NOT NULL,
    withdrawn_at    BIGINT,
    CONSTRAINT consents_pk PRIMARY KEY (id),
    CONSTRAINT consents_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT consents_policy_named CHECK (length(policy_version) > 0)
);
CREATE INDEX consents_by_employee ON consents (hotel_id, employee_id);

CREATE TABLE face_templates (
    id            TEXT              NOT NULL,
    hotel_id      TEXT              NOT NULL,
    employee_id   TEXT              NOT NULL,
    model         TEXT              NOT NULL,
    vector        BLOB              NOT NULL,
    dimension     BIGINT            NOT NULL,
    quality       DOUBLE PRECISION  NOT NULL,
    photo_key     TEXT,
    photo_sha256  TEXT              NOT NULL,
    created_at    BIGINT            NOT NULL,
    vector_state  TEXT              NOT NULL,
    CONSTRAINT face_templates_pk PRIMARY KEY (id),
    CONSTRAINT face_templates_photo_once UNIQUE (hotel_id, employee_id, model, photo_sha256),
    CONSTRAINT face_templates_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT face_templates_vector_length CHECK (dimension > 0 AND length(vector) = 4 * dimension),
    CONSTRAINT face_templates_sha256_length CHECK (length(photo_sha256) = 64),
    CONSTRAINT face_templates_state CHECK (vector_state IN ('pending', 'indexed'))
);
CREATE INDEX face_templates_by_model ON face_templates (model);
CREATE INDEX face_templates_by_photo ON face_templates (hotel_id, photo_key);
CREATE INDEX face_templates_pending ON face_templates (created_at) WHERE vector_state = 'pending';

-- What the vector index and the photo folder must still forget. No employee here: these rows outlive one.
CREATE TABLE vector_deletes (
    template_id  TEXT    NOT NULL,
    hotel_id     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    queued_at    BIGINT  NOT NULL,
    CONSTRAINT vector_deletes_pk PRIMARY KEY (template_id),
    CONSTRAINT vector_deletes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE media_deletes (
    hotel_id   TEXT    NOT NULL,
    photo_key  TEXT    NOT NULL,
    queued_at  BIGINT  NOT NULL,
    CONSTRAINT media_deletes_pk PRIMARY KEY (hotel_id, photo_key),
    CONSTRAINT media_deletes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE attendance_logs (
    id               TEXT              NOT NULL,
    hotel_id         TEXT              NOT NULL,
    employee_id      TEXT              NOT NULL,
    -- The frame that opened the sighting, as its event said; never changes.
    timestamp        BIGINT            NOT NULL,
    -- Earliest and latest frame that belong to the sighting.
    first_seen_at    BIGINT            NOT NULL,
    last_seen_at     BIGINT            NOT NULL,
    action           TEXT              NOT NULL,
    camera_id        TEXT,
    confidence       DOUBLE PRECISION  NOT NULL,
    score            DOUBLE PRECISION  NOT NULL,
    is_alive         BOOLEAN,
    liveness_reason  TEXT,
    model            TEXT              NOT NULL,
    created_at       BIGINT            NOT NULL,
    CONSTRAINT attendance_pk PRIMARY KEY (id),
    CONSTRAINT attendance_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT attendance_action CHECK (action IN ('check_in', 'check_out', 'seen')),
    CONSTRAINT attendance_confidence CHECK (confidence >= 0 AND confidence <= 1),
    CONSTRAINT attendance_interval CHECK (first_seen_at <= timestamp AND timestamp <= last_seen_at)
);
CREATE INDEX attendance_by_employee ON attendance_logs (hotel_id, employee_id, last_seen_at);
CREATE INDEX attendance_by_employee_time ON attendance_logs (hotel_id, employee_id, timestamp);
CREATE INDEX attendance_by_time ON attendance_logs (hotel_id, timestamp);

CREATE TABLE audit_log (
    seq        BIGINT  NOT NULL,
    hotel_id   TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    details    TEXT    NOT NULL,
    prev_hash  TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    CONSTRAINT audit_log_pk PRIMARY KEY (hotel_id, seq),
    CONSTRAINT audit_log_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;

CREATE TABLE outbox (
    -- Order of delivery. A clock that steps back must not put a deletion before its enrolment.
    seq           INTEGER  PRIMARY KEY AUTOINCREMENT,
    id            TEXT     NOT NULL,
    hotel_id      TEXT     NOT NULL,
    topic         TEXT     NOT NULL,
    payload       TEXT     NOT NULL,
    -- Whom the event is about, so that deleting a person finds it.
    person        TEXT,
    -- The person is gone: the row goes too as soon as it was delivered.
    forget        BOOLEAN  NOT NULL,
    created_at    BIGINT   NOT NULL,
    delivered_at  BIGINT,
    attempts      BIGINT   NOT NULL,
    CONSTRAINT outbox_id_once UNIQUE (id),
    CONSTRAINT outbox_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;
CREATE INDEX outbox_by_person ON outbox (hotel_id, person);
