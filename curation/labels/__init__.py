"""What votes say: the evidence on a prompt's responses, and how likely it makes each side. Makes no pairs."""
