-- What differs between two versions. Parameters: $old, $new (NAME@V).
from diff($old, $new)
