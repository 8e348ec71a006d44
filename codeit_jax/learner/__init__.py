"""How the policy improves: batches of experiences, and a sharded AdamW step over them."""
