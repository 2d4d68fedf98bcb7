module kuperator.local/real-node

go 1.26
