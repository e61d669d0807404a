//! Tables, migrations, attendance, audit and outbox over SQL.
