"""What was seen and what it means: frozen records that every other room passes on."""
