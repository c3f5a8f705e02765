"""Values -> what people and machines read. Every function here takes values and returns text or documents."""
