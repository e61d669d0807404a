-- Answers that somebody may put right, for as long as the hotel's rule says. `content` is what the answer was computed
-- from and what it said; `model` is the name of what learns from a correction.
CREATE TABLE kept_answers (
    id           TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    content      BYTEA   NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    expires_at   BIGINT  NOT NULL,
    sealed_by    TEXT    NOT NULL,
    CONSTRAINT kept_answers_pk PRIMARY KEY (id),
    CONSTRAINT kept_answers_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX kept_answers_by_end ON kept_answers (expires_at);
CREATE INDEX kept_answers_by_seal ON kept_answers (sealed_by);

-- What somebody said an answer should have been. A label holds the answer's content too and outlives it, so there is no
-- reference to it; of one answer there is one label.
CREATE TABLE labels (
    id           TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
    answer_id    TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    content      BYTEA   NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    sealed_by    TEXT    NOT NULL,
    CONSTRAINT labels_pk PRIMARY KEY (id),
    CONSTRAINT labels_answer_once UNIQUE (hotel_id, answer_id),
    CONSTRAINT labels_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX labels_by_model ON labels (hotel_id, model, created_at);
CREATE INDEX labels_by_seal ON labels (sealed_by);

-- As for the tables of migration 0001.
ALTER TABLE kept_answers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY one_hotel ON kept_answers USING (current_setting('innkeeper.hotel', true) IN (hotel_id, '*'));
ALTER TABLE labels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY one_hotel ON labels USING (current_setting('innkeeper.hotel', true) IN (hotel_id, '*'));
