//! Who is calling and what they may do: tokens, roles, permissions, rate limits.
