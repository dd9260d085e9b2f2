"""What people see: commands, words and documents."""
