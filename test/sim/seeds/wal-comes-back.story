# Seeds 5 and 20 of old: a WAL that was removed or emptied and not synced comes back with a power loss, whole and not sector by sector.
dice 5 managers 3 workers 3
300 service 1 0 3
200 checkpoint 1 1 0
20 close 1 0 0
1200 power 1 0 0
400 checkpoint 2 0 0
10 power 2 0 0
900 service 2 0 1
300 checkpoint 0 1 0
5 close 0 0 0
1500 power 0 0 0
600 service 1 1 5
200 checkpoint 3 1 0
0 power 3 0 0
1300 close 3 0 0
900 power 3 0 0
700 checkpoint 1 1 0
3 close 1 0 0
30 power 2 0 0
2000 service 1 2 0
