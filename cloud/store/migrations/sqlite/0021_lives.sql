-- Which run of a bridge said something last: between two runs it did not listen, however soon it was back.

alter table listening add column life blob;
