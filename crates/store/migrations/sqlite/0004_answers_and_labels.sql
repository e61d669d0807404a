-- Answers that somebody may put right, for as long as the hotel's rule says. `content` is what the answer was computed
-- from and what it said; `model` is the name of what learns from a correction.
CREATE TABLE kept_answers (
    id           TEXT    NOT NULL,
    hotel_id     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    content      BLOB    NOT NULL,
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
    id           TEXT    NOT NULL,
    hotel_id     TEXT    NOT NULL,
    answer_id    TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    content      BLOB    NOT NULL,
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
